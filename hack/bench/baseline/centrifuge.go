package baseline

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/chatcluster/chatcluster/hack/bench/admin"
)

// CentrifugeOptions tune the baseline.
type CentrifugeOptions struct {
	Listen string
	// History has each channel keep its last publications and number them: more than plain pub/sub, and less than a stored log.
	History bool
}

// Centrifuge serves the library with its in-memory broker: clients subscribe and publish to any channel. Everything else is as the
// library has it by default, but for what saves it work: no presence, no join messages, pooled write buffers.
func Centrifuge(ctx context.Context, o CentrifugeOptions, out io.Writer) error {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: "u"}}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
			done(centrifuge.SubscribeReply{}, nil)
		})
		c.OnPublish(func(e centrifuge.PublishEvent, done centrifuge.PublishCallback) {
			if !o.History {
				done(centrifuge.PublishReply{}, nil)
				return
			}
			res, err := node.Publish(e.Channel, e.Data, centrifuge.WithHistory(1000, time.Minute))
			done(centrifuge.PublishReply{Result: &res}, err)
		})
	})
	if err := node.Run(); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return err
	}
	adminLn, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	front := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		CheckOrigin: func(*http.Request) bool { return true }, ReadBufferSize: 512, UseWriteBufferPool: true,
	})}
	private := &http.Server{ReadHeaderTimeout: time.Second, Handler: admin.Handler(func() admin.Reads { return admin.Reads{} }, prometheus.NewRegistry())}
	var g errgroup.Group
	serve := func(s *http.Server, ln net.Listener) func() error {
		return func() error {
			if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		}
	}
	g.Go(serve(front, ln))
	g.Go(serve(private, adminLn))
	if err := json.NewEncoder(out).Encode(admin.Ready{Gateway: ln.Addr().String(), Admin: adminLn.Addr().String()}); err != nil {
		return err
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(front.Close(), private.Close(), node.Shutdown(end), g.Wait())
}
