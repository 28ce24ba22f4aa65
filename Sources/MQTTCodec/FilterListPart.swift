/// How much of a list of filters is decoded at once: SUBSCRIBE and UNSUBSCRIBE may have millions, and what looks at
/// them has other things to do.
public struct FilterListPart {
    /// How many units of work are left: one for each filter, and one more for each 256 bytes of it. A unit takes a few
    /// hundred nanoseconds.
    public private(set) var left: Int

    /// As much as `units` units of work.
    public init(units: Int) { left = units }

    /// The whole list.
    public static var all: FilterListPart { FilterListPart(units: .max) }

    mutating func spend(filterOf byteCount: Int) { left -= 1 + byteCount >> 8 }
}
