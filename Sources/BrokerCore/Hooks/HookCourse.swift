/// Where a question to a chain of hooks stands: who was asked, and who comes next when that one says `next`. It keeps
/// the chain in which it was asked: plugins may come and go before the answer is there, and a number would mean somebody
/// else then, perhaps nobody.
package struct HookCourse {
    let asked: any Hook
    let rest: ArraySlice<any Hook>
}
