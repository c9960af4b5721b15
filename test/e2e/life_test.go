//go:build e2e

package e2e

import "testing"

// TestLife is the life of the sample ChatCluster. Its parts share it and run in order.
func TestLife(t *testing.T) {
	w := enter(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *world)
	}{
		{"TheSampleIsReadyAndSaysSo", ready},
		{"TwoPeopleTalk", talk},
		{"WhoWasAwayGetsAPushAndThenEverythingOnce", away},
		{"TheInboxCountsUnread", inbox},
		{"BadInputGetsTypedErrors", badInput},
		{"DetectorsMaskAndHide", moderated},
		{"DeletingChatPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "chat") }},
		{"KillingChatPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "chat", atOnce) }},
		{"DeletingGatewayPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "gateway") }},
		{"KillingGatewayPodsLosesNothing", func(t *testing.T, w *world) { replaced(t, w, "gateway", atOnce) }},
		{"ScalingTheGatewayKeepsTalking", scaled},
		{"ATenantIsMadeFromItsOwnNamespace", tenantMade},
		{"ATenantSeesNothingOfAnother", tenantIsolated},
		{"ATenantPushesByItsOwnApplication", tenantPushes},
		{"ASuspendedTenantIsNotServed", tenantSuspended},
		{"ATenantThatIsDeletedIsClosed", tenantDeleted},
		{"AnUpgradeWaitsForItsMigrationAndLosesNothing", upgraded},
		{"APurgedTenantHasNothingLeft", tenantPurged},
		{"GoingBackToTheImageBeforeLosesNothing", rolledBack},
		{"RotatedPasswordsAreUsedWithoutARestart", rotated},
		{"UpgradingTheOperatorTouchesNobody", operatorUpgraded},
		{"WhatADeletedChatClusterRetainedIsTakenOver", retained},
		{"TwoChatClustersAreUpgradedAtOnce", twoAtOnce},
		{"DeletionPolicyDeleteRemovesTheData", removed},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, w) }) {
			t.Fatalf("%s failed: what follows builds on it", part.name)
		}
	}
}
