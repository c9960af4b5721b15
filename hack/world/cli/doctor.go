package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/chatcluster/chatcluster/hack/world/host"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

// doctor prints every check. What `up` would install is not an error; what a person must mend is.
func doctor(ctx context.Context, l world.Layout, enginesOnly, asJSON bool, out io.Writer) error {
	findings := host.Check(ctx, needs(l, upOptions{enginesOnly: enginesOnly}))
	bad, installable := problems(findings)
	if asJSON {
		return errors.Join(append(bad, printJSON(out, findings))...)
	}
	for _, f := range findings {
		mark, detail := "ok", f.Detail
		switch {
		case f.OK:
		case len(f.Install) > 0:
			mark, detail = "--", f.Detail+"; `up` installs "+strings.Join(f.Install, ", ")
		default:
			mark = "!!"
		}
		fmt.Fprintf(out, "%s  %-28s %s\n", mark, f.What, detail)
	}
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	if installable {
		fmt.Fprintln(out, "Some packages are missing; `up` installs them.")
	}
	return nil
}
