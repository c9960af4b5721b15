// Package metricdoc keeps the pages of metrics in docs/ as the code is: a Recorder takes the place of a prometheus.Registerer and notes
// what is registered, and Check compares a page with it. Rules and dashboards are tested against those pages.
//
// A Recorder may be used by several goroutines.
package metricdoc
