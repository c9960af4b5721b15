package manifests

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/chatcluster/chatcluster/test/docs"
)

// changes are the subcommands that change what is there. They are run.
var changes = []string{"annotate", "label", "patch"}

func TestKubectlDoesWhatIsAsked(t *testing.T) {
	s := start(t)
	s.create(t, "pool-tenant.yaml")
	s.create(t, "chatcluster.yaml")
	if err := s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "argocd"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "argocd-cm", Namespace: "argocd"}}); err != nil {
		t.Fatal(err)
	}
	ran, known := 0, 0
	for _, page := range pages(t) {
		for _, block := range page.Blocks("sh") {
			commands, err := block.Commands()
			if err != nil {
				t.Error(err)
			}
			for _, c := range commands {
				if c.Program != "kubectl" || len(c.Args) == 0 || c.Args[0] == "chatcluster" {
					continue
				}
				known++
				depth := 1
				if c.Args[0] == "create" {
					depth = 2
					if c.Args[1] == "secret" {
						depth = 3
					}
				}
				if err := s.kubectl.Check(t.Context(), c, depth); err != nil {
					t.Error(err)
				} else if slices.Contains(changes, c.Args[0]) {
					ran++
					s.run(t, c)
				}
			}
		}
	}
	if ran < 5 || known < 15 {
		t.Errorf("only %d commands were found and %d run", known, ran)
	}
}

// run runs a command for the API server to look at, and to change nothing.
func (s *server) run(t *testing.T, c docs.Command) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.kubectl.Path, append(slices.Clone(c.Args), "--dry-run=server")...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "KUBECONFIG="+s.kubeconfig)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", c, err, out)
	}
}
