import Glibc

/// A lock that is held over calls which may throw and take long, such as the binding of a socket; never on a loop.
@safe final class ChangeLock: @unchecked Sendable {
    // The mutex is made for several threads, hence @unchecked.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() { unsafe pthread_mutex_init(mutex, nil) }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    func lock() { unsafe pthread_mutex_lock(mutex) }
    func unlock() { unsafe pthread_mutex_unlock(mutex) }
}
