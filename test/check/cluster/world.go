package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
)

// World is what is read of a world's world.json.
type World struct {
	Control  string `json:"control"`
	Postgres struct {
		Address      string `json:"address"`
		Database     string `json:"database"`
		User         string `json:"user"`
		PasswordFile string `json:"passwordFile"`
	} `json:"postgres"`
	Redis struct {
		Address      string `json:"address"`
		PasswordFile string `json:"passwordFile"`
	} `json:"redis"`
	Kafka struct {
		Address string `json:"address"`
	} `json:"kafka"`
	DynamoDB struct {
		Endpoint        string `json:"endpoint"`
		Region          string `json:"region"`
		CredentialsFile string `json:"credentialsFile"`
	} `json:"dynamodb"`
	Sink struct {
		URL string `json:"url"`
	} `json:"sink"`
	Issuer struct {
		URL      string `json:"url"`
		ID       string `json:"id"`
		Audience string `json:"audience"`
		KeyFile  string `json:"keyFile"`
	} `json:"issuer"`
}

// LoadWorld reads world.json.
func LoadWorld(path string) (World, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return World{}, fmt.Errorf("read the world: %w", err)
	}
	var w World
	if err := json.Unmarshal(data, &w); err != nil {
		return World{}, fmt.Errorf("read the world: %w", err)
	}
	return w, nil
}

// component has the world's supervisor do something to an engine's process: start, stop, restart or kill.
func (w World) component(ctx context.Context, name, action string) error {
	c := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", w.Control)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://supervisor/components/"+url.PathEscape(name)+"/"+action, http.NoBody)
	if err != nil {
		return err
	}
	res, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("the world's supervisor: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return fmt.Errorf("the world's supervisor: %s", text)
	}
	return nil
}

func hostPort(address string) (string, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.Atoi(port)
	return host, n, err
}
