package ownership

// Keys of the tags.
const (
	TagOperator  = "chatcluster.io/operator"
	TagNamespace = "chatcluster.io/namespace"
	TagName      = "chatcluster.io/name"
	TagUID       = "chatcluster.io/uid"
)

// Owner is a ChatCluster, seen from the cloud's side.
type Owner struct {
	// Operator names the installation of the operator.
	Operator  string
	Namespace string
	Name      string
	UID       string
}

// Tags are the owner's tags.
func (o Owner) Tags() map[string]string {
	return map[string]string{TagOperator: o.Operator, TagNamespace: o.Namespace, TagName: o.Name, TagUID: o.UID}
}

// Keys are the keys of the owner's tags, in a fixed order.
func Keys() []string { return []string{TagOperator, TagNamespace, TagName, TagUID} }

// State is whose a resource is.
type State int

// Whose a resource is.
const (
	// Nobody: it carries no owner's UID.
	Nobody State = iota
	// Ours: it carries the owner's UID.
	Ours
	// Others: it carries another UID.
	Others
)

// Of tells whose a resource with these tags is.
func (o Owner) Of(tags map[string]string) State {
	switch tags[TagUID] {
	case "":
		return Nobody
	case o.UID:
		return Ours
	}
	return Others
}

// Retained tells whether a resource with these tags belonged to an earlier ChatCluster of the owner's name, which let go of it.
func (o Owner) Retained(tags map[string]string) bool {
	return o.Of(tags) == Nobody && tags[TagOperator] == o.Operator && tags[TagNamespace] == o.Namespace && tags[TagName] == o.Name
}

// Describe names who owns a resource with these tags, for a message.
func Describe(tags map[string]string) string {
	if tags[TagUID] == "" {
		return "nobody"
	}
	return "ChatCluster " + tags[TagNamespace] + "/" + tags[TagName]
}
