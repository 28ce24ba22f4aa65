/// The state of a question to a chain of hooks: which hook was asked, and which ones come after it if it says `next`.
/// It holds the hooks themselves: plugins may be started and stopped before the answer is there, and then a position in
/// the chain would mean another hook or none.
package struct HookCourse {
    let asked: any Hook
    let rest: ArraySlice<any Hook>
}
