/// The table: every packet in every version, every property, every rule that makes a packet malformed.
package let wireFixtures: [WireFixture] =
    connectFixtures + malformedConnectFixtures + connackFixtures + publishFixtures + malformedPublishFixtures
    + textFixtures + acknowledgementFixtures + subscribeFixtures + malformedSubscribeFixtures
    + unsubscribeFixtures
    + disconnectFixtures + authFixtures + framingFixtures + propertyFixtures + malformedPropertyFixtures
