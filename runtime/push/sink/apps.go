package sink

import (
	"net/http"
	"strconv"
	"strings"
)

// Bounds of the API: tags per resource and their lengths (AWS tagging), applications per page.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
	maxAppName  = 64
	maxPageSize = 100
	account     = "000000000000" // the account that local engines show
	arnPrefix   = "arn:aws:mobiletargeting:"
)

type appResponse struct {
	Arn          string            `json:"Arn"`
	ID           string            `json:"Id"`
	Name         string            `json:"Name"`
	CreationDate string            `json:"CreationDate"`
	Tags         map[string]string `json:"tags"`
}

func (a *app) response() appResponse {
	return appResponse{Arn: a.ARN, ID: a.ID, Name: a.Name, CreationDate: a.Created, Tags: a.Tags}
}

// app returns the application or the error that AWS has for its absence. The caller holds the mutex.
func (s *Sink) app(id string) (*app, error) {
	if a, ok := s.apps[id]; ok {
		return a, nil
	}
	return nil, notFound("Resource not found")
}

func (s *Sink) createApp(r *request) (int, any, error) {
	var in struct {
		Name string            `json:"Name"`
		Tags map[string]string `json:"tags"`
	}
	if err := r.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Name == "" || len(in.Name) > maxAppName {
		return 0, nil, badRequest("Name must have 1 to 64 characters.")
	}
	if err := checkTags(in.Tags); err != nil {
		return 0, nil, err
	}
	if in.Tags == nil {
		in.Tags = map[string]string{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.apps) >= maxApps {
		return 0, nil, badRequest("The account has 100 applications, which is its limit.")
	}
	id := newAppID()
	a := &app{
		ID: id, ARN: arnPrefix + r.region + ":" + account + ":apps/" + id,
		Name: in.Name, Created: now(), Tags: in.Tags, Channels: map[string]*channel{},
	}
	if err := s.put(id, a); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, a.response(), nil
}

func (s *Sink) getApp(r *request) (int, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.app(r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.response(), nil
}

func (s *Sink) getApps(r *request) (int, any, error) {
	size := maxPageSize
	if v := r.URL.Query().Get("page-size"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return 0, nil, badRequest("page-size is not a positive number.")
		}
		size = min(n, maxPageSize)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.apps.sorted()
	if token := r.URL.Query().Get("token"); token != "" {
		at := -1
		for i, a := range all {
			if a.ID == token {
				at = i
			}
		}
		if at < 0 {
			return 0, nil, badRequest("The token is not one of this list.")
		}
		all = all[at:]
	}
	var out struct {
		Item      []appResponse `json:"Item"`
		NextToken string        `json:"NextToken,omitempty"`
	}
	out.Item = []appResponse{}
	for i, a := range all {
		if i == size {
			out.NextToken = a.ID
			break
		}
		out.Item = append(out.Item, a.response())
	}
	return http.StatusOK, out, nil
}

func (s *Sink) deleteApp(r *request) (int, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.app(r.PathValue("app"))
	if err != nil {
		return 0, nil, err
	}
	if err := s.put(a.ID, nil); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, a.response(), nil
}

func (s *Sink) tagResource(r *request) (int, any, error) {
	var in struct {
		Tags map[string]string `json:"tags"`
	}
	if err := r.decode(&in); err != nil {
		return 0, nil, err
	}
	return s.retag(r, func(tags map[string]string) {
		for k, v := range in.Tags {
			tags[k] = v
		}
	})
}

func (s *Sink) untagResource(r *request) (int, any, error) {
	keys := r.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return 0, nil, badRequest("tagKeys is missing.")
	}
	return s.retag(r, func(tags map[string]string) {
		for _, k := range keys {
			delete(tags, k)
		}
	})
}

func (s *Sink) retag(r *request, change func(tags map[string]string)) (int, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.app(appID(r.PathValue("arn")))
	if err != nil {
		return 0, nil, err
	}
	a = a.clone()
	change(a.Tags)
	if err := checkTags(a.Tags); err != nil {
		return 0, nil, err
	}
	if err := s.put(a.ID, a); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

func (s *Sink) listTags(r *request) (int, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.app(appID(r.PathValue("arn")))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{"tags": a.Tags}, nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return badRequest("A resource has at most 50 tags.")
	}
	for k, v := range tags {
		switch {
		case k == "" || len(k) > maxTagKey || len(v) > maxTagValue:
			return badRequest("A tag's key has 1 to 128 characters and its value at most 256.")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return badRequest("A tag's key does not start with aws:.")
		}
	}
	return nil
}
