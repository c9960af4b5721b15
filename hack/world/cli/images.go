package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/chatcluster/chatcluster/hack/world/components"
	"github.com/chatcluster/chatcluster/hack/world/report"
	"github.com/chatcluster/chatcluster/hack/world/world"
)

func imagesCommand(o *options) *cobra.Command {
	var dest string
	c := &cobra.Command{
		Use: "images", Short: "Build the product's two images, without a registry", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			manager, chatd, err := buildProduct(cmd.Context(), l, report.New(os.Stderr))
			if err != nil {
				return err
			}
			for _, img := range []world.Image{manager, chatd} {
				file := img.Archive
				if dest != "" {
					if file, err = copyArchive(img, dest); err != nil {
						return err
					}
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", img.Ref, file)
			}
			return nil
		},
	}
	c.Flags().StringVar(&dest, "out", "", "folder for copies of the archives")
	return c
}

func copyArchive(img world.Image, dest string) (string, error) {
	from, err := os.Open(img.Archive)
	if err != nil {
		return "", err
	}
	defer from.Close()
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(dest, filepath.Base(img.Archive))
	to, err := os.Create(file)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return "", err
	}
	return file, to.Close()
}

func assetsCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "assets", Short: "Print a folder with etcd, kube-apiserver and kubectl, for KUBEBUILDER_ASSETS; build them if need be", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := o.layout()
			if err != nil {
				return err
			}
			dir, err := assets(cmd, l)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), dir)
			return nil
		},
	}
}

// assets collects the programs of two sets as links in one folder, named after both. Progress goes to standard error:
// standard output is for the path alone.
func assets(cmd *cobra.Command, l world.Layout) (string, error) {
	if err := os.MkdirAll(l.Cache, 0o755); err != nil {
		return "", err
	}
	r := report.New(os.Stderr)
	etcd, err := components.Etcd().Ensure(cmd.Context(), l.Repo, l.Cache, r)
	if err != nil {
		return "", err
	}
	kubernetes, err := components.Kubernetes().Ensure(cmd.Context(), l.Repo, l.Cache, r)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(l.Cache, "envtest-"+filepath.Base(etcd)+"-"+filepath.Base(kubernetes))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for name, from := range map[string]string{"etcd": etcd, "kube-apiserver": kubernetes, "kubectl": kubernetes} {
		if err := os.Symlink(filepath.Join(from, "bin", name), filepath.Join(dir, name)); err != nil && !os.IsExist(err) {
			return "", err
		}
	}
	return dir, nil
}
