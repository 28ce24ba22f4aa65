import Glibc
import Testing
import Transport

struct DescriptorBudgetTests {
    private func budget(_ limit: Int, loops: Int = 2, hasStore: Bool = true, httpWanted: Int = 10_000)
        -> DescriptorBudget
    {
        DescriptorBudget(
            limit: limit, loops: loops, mqttListeners: 2, httpListeners: 1, httpThreads: 2,
            httpWanted: httpWanted, hasStore: hasStore)
    }

    @Test(arguments: [64, 200, 256, 1024, 4096, 20_000, 1_048_576])
    func `the shares of a limit are the whole of it`(_ limit: Int) {
        for loops in [1, 2, 64] {
            for hasStore in [true, false] {
                let budget = budget(limit, loops: loops, hasStore: hasStore)
                let used = budget.reserved + budget.httpConnections + budget.refusals
                #expect(used + budget.clients == limit)
                #expect(budget.isEnough == (budget.clients >= DescriptorBudget.fewestClients))
            }
        }
    }

    @Test func `with 256 descriptors there is room for clients, pages and the store`() {
        let budget = budget(256)
        #expect(budget.isEnough)
        #expect(budget.clients >= 64)
        #expect(budget.storeTables >= 74 && budget.httpConnections >= 8 && budget.refusals >= 8)
    }

    @Test func `most of a large limit is for clients`() {
        #expect(budget(65_536).clients > 50_000)
        #expect(budget(65_536, httpWanted: 100).httpConnections == 100)
        #expect(budget(65_536).storeTables == 500)
    }

    @Test func `a limit that is too small says what it would have to be`() throws {
        let small = budget(128)
        #expect(!small.isEnough)
        let enough = try #require((128...4096).first { budget($0).isEnough })
        #expect(!budget(enough - 1).isEnough)
        #expect(small.complaint.contains("the limit on open files is 128"))
        let said = try #require(small.complaint.firstMatch(of: /raise it to ([0-9]+)/).flatMap { Int($0.1) })
        #expect(budget(said).isEnough)
    }

    @Test func `what is open is counted where the kernel tells`() {
        guard let before = DescriptorBudget.open else { return }
        let copy = dup(STDERR_FILENO)
        #expect(before > 2 && copy > 2)
        close(copy)
    }
}
