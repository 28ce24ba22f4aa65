import BrokerCore
import TestSupport
import Testing

@Suite struct ReceivedPacketIdentifiersTests {
    @Test(arguments: [(1, 40), (2, 2000), (3, 65_536)] as [(UInt64, Int)])
    func `they are a set`(_ seed: UInt64, _ bound: Int) {
        var random = SeededGenerator(seed: seed)
        var identifiers = ReceivedPacketIdentifiers()
        var model: Set<UInt16> = []
        for step in 0..<20_000 {
            let identifier = UInt16(random.below(bound))
            // Grows first, then shrinks to nothing.
            if random.below(10) < (step < 10_000 ? 7 : 2) {
                let isNew = identifiers.insert(identifier)
                let isNewToModel = model.insert(identifier).inserted
                #expect(isNew == isNewToModel)
            } else {
                let wasThere = identifiers.remove(identifier)
                let wasInModel = model.remove(identifier) != nil
                #expect(wasThere == wasInModel)
            }
            #expect(identifiers.count == model.count)
        }
        for identifier in 0..<UInt16(min(bound, 65_535)) {
            guard identifiers.contains(identifier) != model.contains(identifier) else { continue }
            Issue.record("\(identifier)")
        }
        for identifier in model {
            let wasThere = identifiers.remove(identifier)
            #expect(wasThere)
        }
        #expect(identifiers.count == 0)
        let isNew = identifiers.insert(3)
        #expect(isNew && identifiers.contains(3))
        identifiers.removeAll()
        #expect(!identifiers.contains(3))
    }
}
