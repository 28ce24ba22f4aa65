import Glibc

/// Owns a descriptor of the kernel and closes it when it goes.
package struct FileDescriptor: ~Copyable, Sendable {
    /// The kernel's number. Valid only while this value lives.
    package let rawValue: Int32

    /// Owns `rawValue` from now on; nobody else may close it.
    package init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Gives the number to the caller, who closes it.
    package consuming func release() -> Int32 {
        let rawValue = rawValue
        discard self
        return rawValue
    }

    deinit { close(rawValue) }
}
