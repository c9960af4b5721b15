package chatcluster

import (
	"errors"
	"time"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
	"github.com/chatcluster/chatcluster/controllers/external/fault"
)

// fact is what a phase found about its concern. The zero fact says that everything is as wanted.
type fact struct {
	// reason and message say what is still on its way.
	reason, message string
	// err says what failed.
	err error
	// lost says that what it waits for is a Secret.
	lost bool
	// after is when it is worth looking again, zero for no particular time.
	after time.Duration
}

func (f fact) ready() bool { return f.err == nil && f.reason == "" }

// explain returns the condition's reason and message of a fact that is not ready.
func (f fact) explain() (reason, message string) {
	if f.err != nil {
		return fault.Reason(f.err), fault.Message(f.err)
	}
	return f.reason, f.message
}

func failed(err error) fact { return fact{err: err} }

func pending(reason, message string, after time.Duration) fact {
	return fact{reason: reason, message: message, after: after}
}

// retryTerminal is when to look again at what needs a person.
func (f fact) retryTerminal() time.Duration {
	if f.err != nil && fault.Reason(f.err) == v1alpha1.ReasonAccessDenied {
		return jitter(retryDenied)
	}
	return jitter(retryTerminal)
}

// facts are what one pass found.
type facts struct {
	policy  fact
	secrets fact
	network fact
	// certificates are those between gateways and chat pods.
	certificates fact

	tables     fact
	tableList  []v1alpha1.TableStatus
	topics     fact
	topicList  []v1alpha1.TopicStatus
	schema     fact
	schemaInfo v1alpha1.SchemaStatus
	// contractions are what the wanted image takes away from the schema after its rollout.
	contractions []string
	cache        fact
	cacheInfo    v1alpha1.CacheStatus
	push         fact
	// application is the push application's id, as far as it is known.
	application string
	channels    []v1alpha1.ChannelStatus

	// lists are about the ConfigMaps with detectors' lists.
	lists fact
	// roles are the Deployments' facts, by role; base is about everything else that the workloads phase applies.
	base  fact
	roles map[string]fact
	// held are the roles that a closed gate holds back.
	held         map[string]bool
	exposure     fact
	roleList     []v1alpha1.WorkloadStatus
	servingImage string
	gatewayURL   string
	adminURL     string
}

func (f *facts) all() []fact {
	list := []fact{f.policy, f.secrets, f.network, f.certificates, f.tables, f.topics, f.schema, f.cache, f.push, f.base, f.exposure, f.lists}
	for _, r := range f.roles {
		list = append(list, r)
	}
	return list
}

func (f *facts) err() error {
	var errs []error
	for _, one := range f.all() {
		errs = append(errs, one.err)
	}
	return errors.Join(errs...)
}

// retryTerminal is the earliest of the facts'.
func (f *facts) retryTerminal() time.Duration {
	after := jitter(retryTerminal)
	for _, one := range f.all() {
		if one.err != nil {
			after = min(after, one.retryTerminal())
		}
	}
	return after
}

// soonest is the earliest time at which a phase wants to look again, zero for none.
func (f *facts) soonest() time.Duration {
	var soonest time.Duration
	for _, one := range f.all() {
		if one.after > 0 && (soonest == 0 || one.after < soonest) {
			soonest = one.after
		}
	}
	return soonest
}
