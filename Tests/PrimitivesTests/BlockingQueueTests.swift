import Primitives
import Testing

@Suite struct BlockingQueueTests {
    @Test func `what was put is taken at once, in order`() {
        let queue = BlockingQueue<Int>()
        for number in 1...5 { queue.put(number) }
        #expect(queue.count == 5)
        var batch: ContiguousArray<Int> = []
        #expect(queue.take(into: &batch))
        #expect(batch == [1, 2, 3, 4, 5] && queue.count == 0)
    }

    @Test func `a closed queue takes nothing and gives what is left`() {
        let queue = BlockingQueue<Int>()
        queue.put(1)
        queue.close()
        #expect(!queue.put(2))
        var batch: ContiguousArray<Int> = []
        #expect(queue.take(into: &batch) && batch == [1])
        batch.removeAll()
        #expect(!queue.take(into: &batch) && batch.isEmpty)
    }

    @Test(arguments: [0, 1, 1001])
    func `who waits with a limit gets nothing when nothing comes`(_ milliseconds: Int) {
        let queue = BlockingQueue<Int>()
        var batch: ContiguousArray<Int> = []
        let begin = ContinuousClock.now
        #expect(queue.take(into: &batch, milliseconds: milliseconds))
        #expect(batch.isEmpty)
        #expect(ContinuousClock.now - begin >= .milliseconds(milliseconds))
    }

    @Test func `one taker gets all that many threads put, each thread's in order`() throws {
        let queue = BlockingQueue<(thread: Int, number: Int)>()
        let threads = try (0..<4).map { thread in
            try WorkerThread(name: "putter") {
                for number in 0..<5000 { queue.put((thread, number)) }
            }
        }
        var next = [0, 0, 0, 0]
        var batch: ContiguousArray<(thread: Int, number: Int)> = []
        while next.reduce(0, +) < 20_000, queue.take(into: &batch, milliseconds: 20_000), !batch.isEmpty {
            for element in batch {
                #expect(element.number == next[element.thread])
                next[element.thread] += 1
            }
            batch.removeAll()
        }
        #expect(next == [5000, 5000, 5000, 5000])
        for thread in threads { thread.join() }
    }

    @Test func `who waits for ever is woken by an element, and by the end`() throws {
        let (questions, answers) = (BlockingQueue<Int>(), BlockingQueue<Int>())
        let thread = try WorkerThread(name: "taker") {
            var batch: ContiguousArray<Int> = []
            while questions.take(into: &batch) {
                for number in batch { answers.put(number * 2) }
                batch.removeAll()
            }
            answers.close()
        }
        var batch: ContiguousArray<Int> = []
        for number in 1...100 {
            questions.put(number)
            #expect(answers.take(into: &batch) && batch == [number * 2])
            batch.removeAll()
        }
        questions.close()
        #expect(!answers.take(into: &batch))
        thread.join()
    }
}
