import BrokerMetrics
import Logging
import MQTTCodec
import Primitives

/// What is to survive a restart. With a store that keeps nothing, each of these is one branch.
extension Shard {
    /// - Returns: the copy's number in the store; 0 when it is not kept.
    func storeEnqueues(_ session: Session, _ copy: QueuedMessage) -> UInt64 {
        guard broker.store.isDurable, session.sessionExpiryInterval != 0, copy.qos != .atMostOnce else {
            return 0
        }
        storeNumber += 1
        storeBatch.operations.append(
            .enqueue(
                session.id, number: storeNumber, copy.message, copy.terms))
        return storeNumber
    }

    func storeRemoves(_ subscriber: SubscriberID, _ number: UInt64) {
        guard number != 0 else { return }
        storeBatch.operations.append(.remove(subscriber, number: number))
    }

    func storeForgets(_ subscriber: SubscriberID) {
        guard broker.store.isDurable else { return }
        storeBatch.operations.append(.forget(subscriber))
    }

    func commitStoreBatch() {
        guard !storeBatch.operations.isEmpty else { return }
        let number = storeBatchNumber
        storeBatchNumber += 1
        let post = links.post
        let index = index
        broker.store.commit(storeBatch) { result in
            if case .failure(let error) = result {
                post(.committed(number: number, failure: error), index)
            } else {
                post(.committed(number: number, failure: nil), index)
            }
        }
        storeBatch = StoreBatch()
    }

    func committed(_ number: UInt64, _ failure: StoreError?) {
        guard let failure else { return }
        log.error(
            "the store did not keep a batch",
            metadata: ["operation": "\(failure.operation)", "error": "\(failure.text)"])
    }
}
