/// How far a question has come: the chain in which it was asked, and the hook that was asked last. It holds the chain
/// itself: plugins may be started and stopped before the answer is there, and then a place in the chain of now would mean
/// another hook or none.
package struct HookCourse {
    let chain: HookChain
    /// The hook that was asked last.
    let index: Int

    var asked: HookLink { chain.links[index] }
}
