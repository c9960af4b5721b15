package dynamo

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/logging"
	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/runtime/logpb"
	"github.com/chatcluster/chatcluster/runtime/store"
)

var (
	errBoom = errors.New("boom")
	refused = &types.ConditionalCheckFailedException{}
)

func TestAppendErrors(t *testing.T) {
	tests := map[string]struct {
		reason string
		err    error
		want   error
	}{
		"stored":    {"the put landed", nil, nil},
		"taken":     {"the key is taken", refused, store.ErrTaken},
		"throttled": {"nothing is known", &types.ProvisionedThroughputExceededException{}, errBoom},
		"conflict":  {"a transaction holds the key: nobody knows how it ends", &types.TransactionConflictException{}, errBoom},
		"lost":      {"the answer was lost", errBoom, errBoom},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(fakeAPI{putItem: func(in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
				if got := aws.ToString(in.ConditionExpression); got != "attribute_not_exists(pk)" {
					t.Errorf("the put's condition is %q", got)
				}
				return &dynamodb.PutItemOutput{}, tc.err
			}}, "p-")
			err := s.Append(t.Context(), testConv(t, "t", "c"), testBatch(1), store.AppendOptions{})
			if errors.Is(tc.want, errBoom) {
				if err == nil || errors.Is(err, store.ErrTaken) {
					t.Errorf("%s: %v, want an unknown outcome", tc.reason, err)
				}
			} else if !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

func canceled(codes ...string) error {
	e := &types.TransactionCanceledException{}
	for _, c := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(c)})
	}
	return e
}

func TestTransactionErrors(t *testing.T) {
	const none, failed, conflict = "None", "ConditionalCheckFailed", "TransactionConflict"
	tests := map[string]struct {
		reason         string
		errs           []error // one for each try, the last again and again
		create, change error   // errBoom: unknown
		tries          int32
	}{
		"stored":       {"all was written", []error{nil}, nil, nil, 1},
		"first":        {"position 0 is META in Create and the log's key in ChangeMembers", []error{canceled(failed, none)}, store.ErrExists, store.ErrTaken, 1},
		"second":       {"the log's key in Create; in ChangeMembers nothing there has a condition", []error{canceled(none, failed)}, store.ErrTaken, errBoom, 1},
		"conflict":     {"a transaction in the way goes away", []error{canceled(none, conflict), nil}, nil, nil, 2},
		"conflicts on": {"tries are bounded", []error{canceled(conflict, none)}, errBoom, errBoom, conflictTries},
		"throttled":    {"nothing was written, but who knows for how long", []error{canceled("ThrottlingError", none)}, errBoom, errBoom, 1},
		"lost":         {"the answer was lost", []error{errBoom}, errBoom, errBoom, 1},
	}
	for name, tc := range tests {
		for call, want := range map[string]error{"Create": tc.create, "ChangeMembers": tc.change} {
			t.Run(name+"/"+call, func(t *testing.T) {
				var tries atomic.Int32
				s := New(fakeAPI{transact: func(*dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
					n := int(tries.Add(1))
					return &dynamodb.TransactWriteItemsOutput{}, tc.errs[min(n, len(tc.errs))-1]
				}}, "p-")
				c := testConv(t, "t", "c")
				var err error
				if call == "Create" {
					err = s.Create(t.Context(), store.Conversation{Conv: c}, nil, testBatch(1), store.AppendOptions{})
				} else {
					leaves := []store.MemberChange{{User: testUser(t, "t", "ann"), Left: 1}}
					err = s.ChangeMembers(t.Context(), c, testBatch(1), leaves, store.AppendOptions{})
				}
				if errors.Is(want, errBoom) {
					if err == nil || errors.Is(err, store.ErrTaken) || errors.Is(err, store.ErrExists) {
						t.Errorf("%s: %v, want an unknown outcome", tc.reason, err)
					}
				} else if !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", tc.reason, err, want)
				}
				if tries.Load() != tc.tries {
					t.Errorf("%s: %d tries, want %d", tc.reason, tries.Load(), tc.tries)
				}
			})
		}
	}
}

// A full member change stays within what a transaction may hold.
func TestLargestTransaction(t *testing.T) {
	members := make([]store.Member, store.MaxMemberChange)
	for i := range members {
		members[i] = store.Member{User: testUser(t, "t", strings.Repeat("u", i+1)), Joined: 1}
	}
	s := New(fakeAPI{transact: func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
		if n := len(in.TransactItems); n != 82 || n > 100 {
			t.Errorf("the transaction has %d actions, want 82", n)
		}
		return &dynamodb.TransactWriteItemsOutput{}, nil
	}}, "p-")
	if err := s.Create(t.Context(), store.Conversation{Conv: testConv(t, "t", "c")}, members, testBatch(1), store.AppendOptions{}); err != nil {
		t.Error(err)
	}
	for i := range members {
		members[i] = store.Member{User: members[i].User, Left: 2}
	}
	for i := range store.MaxRoleChange {
		members = append(members, store.Member{User: testUser(t, "t", strings.Repeat("r", i+1)), Role: store.RoleAdmin})
	}
	b := testBatch(2)
	b.Entries[0].Kind = &logpb.Entry_Renamed{Renamed: &logpb.Renamed{Title: "x"}}
	s = New(fakeAPI{transact: func(in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
		if n := len(in.TransactItems); n != 92 || n > 100 {
			t.Errorf("the transaction has %d actions, want 92", n)
		}
		return &dynamodb.TransactWriteItemsOutput{}, nil
	}}, "p-")
	if err := s.ChangeMembers(t.Context(), testConv(t, "t", "c"), b, members, store.AppendOptions{}); err != nil {
		t.Error(err)
	}
}

func TestUpdateErrors(t *testing.T) {
	lower := &types.ConditionalCheckFailedException{Item: keyOf("T#t#U#ann", "c")}
	tests := map[string]struct {
		reason    string
		err, want error
	}{
		"raised":  {"the mark rose", nil, nil},
		"lower":   {"the item is there: only the mark was as high", lower, nil},
		"missing": {"the item is not there", refused, store.ErrNotFound},
		"lost":    {"the answer was lost", errBoom, errBoom},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(fakeAPI{updateItem: func(in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
				if !strings.HasPrefix(aws.ToString(in.ConditionExpression), "attribute_exists(pk) AND (") {
					t.Errorf("the update may create its item: %q", aws.ToString(in.ConditionExpression))
				}
				return &dynamodb.UpdateItemOutput{}, tc.err
			}}, "p-")
			err := s.RaiseRead(t.Context(), testUser(t, "t", "ann"), testConv(t, "t", "c"), 5)
			if !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.reason, err, tc.want)
			}
		})
	}
}

// Keys that DynamoDB leaves unprocessed are asked for again, and not for ever.
func TestUnprocessedKeys(t *testing.T) {
	ann, bob, c := testUser(t, "t", "ann"), testUser(t, "t", "bob"), testConv(t, "t", "c")
	come := []store.MemberChange{{User: ann, Joined: 9}, {User: bob, Joined: 9}}
	stay := func(u store.User) item {
		it := membershipKey(u, c)
		it[attrJoined], it[attrLeft] = num(1), num(5)
		return it
	}
	answer := func(found item, left ...item) *dynamodb.BatchGetItemOutput {
		out := &dynamodb.BatchGetItemOutput{Responses: map[string][]item{"p-memberships": {found}}}
		if len(left) > 0 {
			out.UnprocessedKeys = map[string]types.KeysAndAttributes{"p-memberships": {Keys: left}}
		}
		return out
	}
	calls := 0
	s := New(fakeAPI{batchGetItem: func(in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
		if calls++; calls == 1 {
			return answer(stay(ann), membershipKey(bob, c)), nil
		}
		if n := len(in.RequestItems["p-memberships"].Keys); n != 1 {
			t.Errorf("%d keys are asked for again, want 1", n)
		}
		return answer(stay(bob)), nil
	}}, "p-")
	got, err := s.earlierStays(t.Context(), c, come)
	if err != nil {
		t.Fatal(err)
	}
	was := []store.Interval{{Joined: 1, Left: 5}}
	if d := cmp.Diff(map[store.User][]store.Interval{ann: was, bob: was}, got, cmp.AllowUnexported(store.User{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	s = New(fakeAPI{batchGetItem: func(in *dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
		return &dynamodb.BatchGetItemOutput{UnprocessedKeys: in.RequestItems}, nil
	}}, "p-")
	if _, err := s.earlierStays(t.Context(), c, come); err == nil {
		t.Error("keys that stay unprocessed are taken for missing")
	}
}

// hungUp is a DynamoDB that takes requests and never answers: it counts them and closes the connection.
func hungUp(t *testing.T) (*Store, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}))
	t.Cleanup(srv.Close)
	cfg := aws.Config{Region: "local", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	return New(NewClient(cfg, srv.URL), "p-"), &requests
}

// After a lost answer the SDK must not put again: it would find its own item and call it another's.
func TestAppendIsSentOnce(t *testing.T) {
	s, requests := hungUp(t)
	err := s.Append(t.Context(), testConv(t, "t", "c"), testBatch(1), store.AppendOptions{})
	if err == nil || errors.Is(err, store.ErrTaken) {
		t.Errorf("Append = %v, want an unknown outcome", err)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("the put was sent %d times, want once", n)
	}
}

func TestOthersAreRepeated(t *testing.T) {
	s, requests := hungUp(t)
	if err := s.RaiseRead(t.Context(), testUser(t, "t", "ann"), testConv(t, "t", "c"), 5); err == nil {
		t.Error("RaiseRead against nobody succeeded")
	}
	if n := requests.Load(); n != maxAttempts {
		t.Errorf("the update was sent %d times, want %d", n, maxAttempts)
	}
}

// A DynamoDB that does not answer holds nobody longer than the caller's deadline.
func TestSilentEngine(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(release) })
	cfg := aws.Config{Region: "local", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	s := New(NewClient(cfg, srv.URL), "p-")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := s.Append(ctx, testConv(t, "t", "c"), testBatch(1), store.AppendOptions{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append = %v, want context.DeadlineExceeded", err)
	}
	if took := time.Since(start); took > appendTimeout {
		t.Errorf("it took %v", took)
	}
}

func TestErrorsShowNoToken(t *testing.T) {
	s, _ := hungUp(t)
	const token = "secret-token"
	ann := testUser(t, "t", "ann")
	_, put := s.PutDevice(t.Context(), ann, store.Device{ID: "phone", PushToken: token})
	_, strike := s.StrikeToken(t.Context(), ann, "phone", token)
	for _, err := range []error{put, strike, s.RemovePushToken(t.Context(), ann, "phone", token)} {
		if err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("the error is %v", err)
		}
	}
}

// DynamoDB Local sends a wrong checksum with every error: it is not an error of its own, and not worth a line in the log.
func TestAnEndpointsChecksumIsNotChecked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Crc32", "1")
		w.Header().Set("X-Amzn-Errortype", "ConditionalCheckFailedException")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"ConditionalCheckFailedException"}`))
	}))
	t.Cleanup(server.Close)
	var logged strings.Builder
	cfg := aws.Config{
		Region: "r", Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
		Logger: logging.NewStandardLogger(&logged),
	}
	err := New(NewClient(cfg, server.URL), "p-").Append(t.Context(), testConv(t, "t", "c"), testBatch(1), store.AppendOptions{})
	if !errors.Is(err, store.ErrTaken) {
		t.Errorf("Append: %v, want ErrTaken", err)
	}
	if logged.Len() > 0 {
		t.Errorf("the SDK logged: %s", logged.String())
	}
}

// One record that cannot be read keeps nobody from the others.
func TestAnUnreadableTenantIsToldBesideTheOthers(t *testing.T) {
	record := func(id, data string) item {
		return item{attrTenant: str(id), attrRecord: str(data), attrRevision: num(1)}
	}
	s := New(fakeAPI{batchGetItem: func(*dynamodb.BatchGetItemInput) (*dynamodb.BatchGetItemOutput, error) {
		return &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{
			"p-" + TenantsTable: {record("good", `{"state":"Active"}`), record("bad", `{`), record("better", `{}`)},
		}}, nil
	}}, "p-")
	found, err := s.Tenants(t.Context(), "good", "bad", "better")
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "bad") {
		t.Errorf("error %v, want that bad cannot be read", err)
	}
	var ids []store.Tenant
	for _, r := range found {
		ids = append(ids, r.Tenant)
	}
	if d := cmp.Diff([]store.Tenant{"good", "better"}, ids); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
