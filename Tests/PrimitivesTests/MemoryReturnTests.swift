import Testing

@testable import Primitives

struct MemoryReturnTests {
    private static let megabyte = 1 << 20

    /// What comes of readings in megabytes, each with what is resident after memory was given back if it is.
    private func due(_ readings: [(resident: Int, after: Int)]) -> [Bool] {
        var policy = MemoryReturn()
        return readings.map { reading in
            guard policy.isDue(resident: reading.resident * Self.megabyte) else { return false }
            policy.returned(resident: reading.after * Self.megabyte)
            return true
        }
    }

    @Test func `memory is given back once it has grown by much and grows no more`() {
        #expect(
            due([(20, 0), (300, 0), (750, 0), (750, 20), (20, 0), (20, 0)]) == [
                false, false, false, true, false, false,
            ])
    }

    @Test func `memory that is in use is looked through once, not again and again`() {
        #expect(
            due([(20, 0), (200, 0), (200, 195), (200, 0), (210, 0), (210, 0)]) == [
                false, false, true, false, false, false,
            ])
    }

    @Test func `what falls by itself lowers the floor`() {
        #expect(due([(200, 0), (100, 0), (150, 0), (150, 100)]) == [false, false, false, true])
    }

    @Test func `a little growth is left alone`() {
        #expect(due([(20, 0), (50, 0), (50, 0), (40, 0)]) == [false, false, false, false])
        #expect(due([(1000, 0), (1200, 0), (1200, 0)]) == [false, false, false])
    }
}
