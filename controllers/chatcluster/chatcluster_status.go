package chatcluster

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
	"github.com/chatcluster/chatcluster/controllers/workload"
)

// maxConditionMessage bounds a condition's message, in bytes; the API allows 32,768.
const maxConditionMessage = 4096

// concern is a condition and the fact that decides it. They stand in the order in which a person would look at them.
type concern struct {
	condition string
	fact      fact
	fine      string
}

func concerns(f *facts) []concern {
	role := func(name string) fact {
		if f.policy.err != nil {
			return f.policy
		}
		if r, ok := f.roles[name]; ok {
			return r
		}
		if !f.base.ready() {
			return f.base
		}
		return pending(v1alpha1.ReasonPending, "not there yet", 0)
	}
	return []concern{
		{v1alpha1.ConditionTablesReady, f.tables, tablesMessage(f.tableList)},
		{v1alpha1.ConditionTopicsReady, f.topics, fmt.Sprintf("%d topics exist", len(f.topicList))},
		{v1alpha1.ConditionSchemaReady, f.schema, schemaMessage(f.schemaInfo)},
		{v1alpha1.ConditionPushReady, f.push, "application " + f.application},
		{v1alpha1.ConditionCacheReady, f.cache, "the cache answers"},
		{v1alpha1.ConditionInternalTLSReady, f.certificates, "gateways and chat pods know each other, where the spec wants it"},
		{v1alpha1.ConditionChatReady, role(workload.RoleChat), "all pods are available"},
		{v1alpha1.ConditionGatewayReady, role(workload.RoleGateway), "all pods are available"},
		{v1alpha1.ConditionNotificationsReady, role(workload.RoleNotify), "all pods are available"},
		{v1alpha1.ConditionProjectorReady, role(workload.RoleProject), "all pods are available"},
		{
			v1alpha1.ConditionProcessorsReady, namedFact(f, workload.Processors, concern{condition: "lists", fact: f.lists}),
			"all pods of the processors that the spec names are available",
		},
		{v1alpha1.ConditionAdminReady, namedFact(f, []string{workload.RoleAdmin}), adminMessage(f.adminURL)},
		{v1alpha1.ConditionExposureReady, f.exposure, "clients connect to " + f.gatewayURL},
	}
}

// setStatus turns facts into the status. It is pure.
func setStatus(cc *v1alpha1.ChatCluster, f *facts) {
	st := &cc.Status
	st.ObservedGeneration = cc.Generation
	st.Tables, st.Topics, st.Schema = f.tableList, f.topicList, f.schemaInfo
	st.Push = v1alpha1.PushStatus{ApplicationID: f.application, Channels: f.channels}
	st.Cache = f.cacheInfo
	st.Image = f.servingImage
	st.Endpoints.Gateway, st.Endpoints.Admin = f.gatewayURL, f.adminURL
	if f.roleList != nil {
		st.Workloads = f.roleList
	}
	st.Gateway = ""
	for _, w := range st.Workloads {
		if w.Role == workload.RoleGateway {
			st.Gateway = fmt.Sprintf("%d/%d", w.Ready, w.Replicas)
		}
	}

	list := concerns(f)
	for _, c := range list {
		if c.fact.ready() {
			set(cc, c.condition, metav1.ConditionTrue, v1alpha1.ReasonReady, c.fine)
			continue
		}
		reason, message := c.fact.explain()
		set(cc, c.condition, metav1.ConditionFalse, reason, message)
	}
	first := worst(append(list, concern{condition: "Secrets", fact: f.secrets}, concern{condition: "Network", fact: f.network}, concern{condition: "Workloads", fact: f.base}))
	meta.RemoveStatusCondition(&st.Conditions, v1alpha1.ConditionPaused)
	clearPlan(cc)
	if first == nil {
		set(cc, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "Serving")
		meta.RemoveStatusCondition(&st.Conditions, v1alpha1.ConditionReconciling)
		meta.RemoveStatusCondition(&st.Conditions, v1alpha1.ConditionStalled)
		return
	}
	reason, message := first.fact.explain()
	message = first.condition + ": " + message
	set(cc, v1alpha1.ConditionReady, metav1.ConditionFalse, reason, message)
	// kstatus takes the first of the two that is true: there must never be both.
	if fault.IsTerminal(first.fact.err) {
		meta.RemoveStatusCondition(&st.Conditions, v1alpha1.ConditionReconciling)
		set(cc, v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, message)
		return
	}
	meta.RemoveStatusCondition(&st.Conditions, v1alpha1.ConditionStalled)
	set(cc, v1alpha1.ConditionReconciling, metav1.ConditionTrue, reason, message)
}

// worst is the concern that explains most why a ChatCluster is not Ready: one that needs a person, or else one that failed,
// or else the first that is on its way. It is nil when all are ready.
func worst(list []concern) *concern {
	rank := func(f fact) int {
		switch {
		case f.ready():
			return 0
		case fault.IsTerminal(f.err):
			return 3
		case f.err != nil:
			return 2
		}
		return 1
	}
	var found *concern
	for i := range list {
		if r := rank(list[i].fact); r > 0 && (found == nil || r > rank(found.fact)) {
			found = &list[i]
		}
	}
	return found
}

// setPaused leaves everything as it was, observedGeneration included: what was not acted on was not observed.
func setPaused(cc *v1alpha1.ChatCluster) {
	set(cc, v1alpha1.ConditionPaused, metav1.ConditionTrue, v1alpha1.ReasonPaused, "spec.paused is true: nothing is changed until it is false")
}

// setPlanned shows what would be changed, and leaves everything else as it was, as setPaused does.
func setPlanned(cc *v1alpha1.ChatCluster, changes []string) {
	cc.Status.Plan = &v1alpha1.PlanStatus{ObservedGeneration: cc.Generation, Changes: changes}
	message := "nothing would be changed"
	if len(changes) > 0 {
		message = fmt.Sprintf("%d changes would be made: see status.plan", len(changes))
	}
	set(cc, v1alpha1.ConditionPlanned, metav1.ConditionTrue, v1alpha1.ReasonPlanned,
		message+"; nothing is changed while the annotation "+v1alpha1.AnnotationPlan+" is true")
}

func clearPlan(cc *v1alpha1.ChatCluster) {
	cc.Status.Plan = nil
	meta.RemoveStatusCondition(&cc.Status.Conditions, v1alpha1.ConditionPlanned)
}

// setDeleting shows how far the deletion is.
func setDeleting(cc *v1alpha1.ChatCluster, f fact) {
	clearPlan(cc)
	cc.Status.ObservedGeneration = cc.Generation
	reason, message := v1alpha1.ReasonDeleting, "deleting"
	if !f.ready() {
		reason, message = f.explain()
	}
	set(cc, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDeleting, message)
	if fault.IsTerminal(f.err) {
		meta.RemoveStatusCondition(&cc.Status.Conditions, v1alpha1.ConditionReconciling)
		set(cc, v1alpha1.ConditionStalled, metav1.ConditionTrue, reason, message)
		return
	}
	meta.RemoveStatusCondition(&cc.Status.Conditions, v1alpha1.ConditionStalled)
	set(cc, v1alpha1.ConditionReconciling, metav1.ConditionTrue, reason, message)
}

func set(cc *v1alpha1.ChatCluster, kind string, status metav1.ConditionStatus, reason, message string) {
	message = shorten(message, maxConditionMessage)
	meta.SetStatusCondition(&cc.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: cc.Generation,
	})
}

func tablesMessage(tables []v1alpha1.TableStatus) string {
	message := fmt.Sprintf("%d tables are ACTIVE", len(tables))
	missing := map[string]bool{}
	var names []string
	for _, t := range tables {
		for _, u := range t.Unsupported {
			if !missing[u] {
				missing[u] = true
				names = append(names, u)
			}
		}
	}
	if len(names) > 0 {
		message += "; not supported by this endpoint: " + strings.Join(names, ", ")
	}
	return message
}

func adminMessage(url string) string {
	if url == "" {
		return "the spec names no admin API"
	}
	return "the admin API is at " + url
}

func schemaMessage(s v1alpha1.SchemaStatus) string {
	if s.Current == nil {
		return "the schema is migrated"
	}
	return fmt.Sprintf("the schema is at version %d", *s.Current)
}
