import BrokerMetrics

@testable import vernemq

extension MetricCatalog {
    /// With the rooms that the broker has.
    static func full(_ loopCount: Int = schedulerNames) -> MetricCatalog {
        do {
            return try .broker(loopCount: loopCount)
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
