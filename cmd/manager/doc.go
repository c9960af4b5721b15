// Command manager is ChatCluster's operator: it turns ChatClusters into tables, topics, a migrated schema, a push
// application and running pods. It is the operator's composition root: the only place that reads flags and environment.
//
// It may run several times over: one leads, the others wait. It ends on SIGTERM when the passes under way have ended.
package main
