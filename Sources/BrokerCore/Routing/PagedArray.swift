/// An array that grows by one page at a time and never moves its elements. It grows while all locks of the trie are
/// held, so every loop waits: with plain arrays and tables the slowest of a million subscriptions took 47 ms, with
/// pages 6 ms; a match takes 15 % more time.
///
///     pages  [ ● | ● | ● ]
///              │   │   └─ [ 2048 | 2049 | … ]      pageSize elements each; the first page grows to that
///              │   └───── [ 1024 | … ]
///              └───────── [ 0 | 1 | … | 1023 ]
package struct PagedArray<Element> {
    private static var pageBits: Int { 10 }
    private static var pageSize: Int { 1 << pageBits }

    private var pages: ContiguousArray<ContiguousArray<Element>> = []
    package private(set) var count = 0

    package init() {}

    /// Memory held, in bytes.
    package var byteCount: Int {
        pages.reduce(pages.capacity * 8) { $0 + $1.capacity * MemoryLayout<Element>.stride }
    }

    package mutating func append(_ element: Element) {
        let page = count >> Self.pageBits
        if page == pages.count {
            pages.append([])
            if count > 0 { pages[page].reserveCapacity(Self.pageSize) }
        }
        let offset = count & (Self.pageSize - 1)
        if offset < pages[page].count {
            pages[page][offset] = element  // a spare page
        } else {
            pages[page].append(element)
        }
        count += 1
    }

    /// Removes all elements. A few pages are freed at once; more stay as spare pages, because freeing a thousand pages
    /// of nodes took 8 ms.
    package mutating func removeAll() {
        count = 0
        if pages.count <= 16 { pages = [] }
    }

    /// Pages that hold nothing, since `removeAll`, and no new elements yet.
    package var hasSparePages: Bool { pages.count > neededPageCount }

    private var neededPageCount: Int { (count + Self.pageSize - 1) >> Self.pageBits }

    /// Frees `limit` spare pages at most.
    package mutating func freePages(_ limit: Int) {
        pages.removeLast(min(limit, pages.count - neededPageCount))
        if pages.isEmpty { pages = [] }
    }

    @inline(__always)
    package subscript(index: Int) -> Element {
        get { pages[index >> Self.pageBits][index & (Self.pageSize - 1)] }
        _modify { yield &pages[index >> Self.pageBits][index & (Self.pageSize - 1)] }
    }
}

extension PagedArray: Sendable where Element: Sendable {}
