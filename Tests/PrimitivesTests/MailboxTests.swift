import Glibc
import Primitives
import Synchronization
import Testing

@Suite struct MailboxTests {
    @Test func `letters come out in the order of posting, and a filled box wakes once`() {
        let wakes = Atomic<Int>(0)
        let mailbox = Mailbox<Int> { wakes.add(1, ordering: .relaxed) }
        var batch: ContiguousArray<Int> = []
        for round in 1...3 {
            for number in 0..<10 { mailbox.post(number) }
            #expect(mailbox.depth == 10)
            mailbox.drain(into: &batch)
            #expect(batch == ContiguousArray(0..<10))
            #expect(mailbox.depth == 0)
            #expect(wakes.load(ordering: .relaxed) == round)
            batch.removeAll()
        }
    }

    @Test func `letters of several threads arrive complete, each thread's in order`() async {
        let mailbox = Mailbox<(sender: Int, number: Int)> {}
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<4 {
                group.addTask { for number in 0..<5000 { mailbox.post((sender, number)) } }
            }
        }
        var batch: ContiguousArray<(sender: Int, number: Int)> = []
        mailbox.drain(into: &batch)
        #expect(batch.count == 20_000)
        for sender in 0..<4 {
            #expect(batch.filter { $0.sender == sender }.map(\.number) == Array(0..<5000))
        }
    }
}
