package workload

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatcluster/chatcluster/api/v1alpha1"
)

// The arrows of the design, by the ports of their services.
func TestArrows(t *testing.T) {
	const dns, redis, kafka, postgres, https, agent, chat = 53, 6379, 9094, 5432, 443, 80, 7400
	cases := map[string]struct {
		reason string
		change func(*v1alpha1.ChatClusterSpec)
		want   map[string][]int32
	}{
		"AWS": {
			reason: "services of AWS, and what else each role uses",
			change: func(*v1alpha1.ChatClusterSpec) {},
			want: map[string][]int32{
				RoleGateway:      {dns, agent, https, postgres, redis, chat, kafka},
				RoleChat:         {dns, agent, https, redis, chat, kafka},
				RoleNotify:       {dns, agent, https, postgres, redis, kafka},
				RoleProject:      {dns, agent, https, postgres, redis, kafka},
				ComponentMigrate: {dns, postgres},
				ComponentPurge:   {dns, agent, https, postgres, redis, kafka},
			},
		},
		"Local": {
			reason: "with credentials of one's own nobody asks the agent, and endpoints have their ports",
			change: func(s *v1alpha1.ChatClusterSpec) {
				s.AWS.Credentials.SecretName = "aws"
				s.AWS.Endpoints = v1alpha1.AWSEndpoints{DynamoDB: "http://10.0.0.1:8000", Pinpoint: "http://10.0.0.1"}
				s.Auth.Issuers[0].JWKSURL = "https://id.example:8443/jwks"
				s.Telemetry.OTLPEndpoint = "http://collector:4317"
			},
			want: map[string][]int32{
				RoleGateway:      {dns, https, 4317, postgres, redis, chat, 8000, 8443, kafka}, // tenants have issuers, too
				RoleChat:         {dns, 4317, redis, chat, 8000, kafka},
				RoleNotify:       {dns, 80, 4317, postgres, redis, 8000, kafka},
				RoleProject:      {dns, 4317, postgres, redis, 8000, kafka},
				ComponentMigrate: {dns, postgres},
			},
		},
		"IAM": {
			reason: "who logs in to the database with its own identity needs one",
			change: func(s *v1alpha1.ChatClusterSpec) { s.Aurora.Authentication = v1alpha1.AuthenticationIAM },
			want:   map[string][]int32{ComponentMigrate: {dns, agent, https, postgres}},
		},
		"Admin": {
			reason: "what a gateway uses, and chat pods",
			change: func(s *v1alpha1.ChatClusterSpec) {
				s.Admin = &v1alpha1.AdminSpec{Replicas: s.Chat.Replicas, Resources: s.Chat.Resources}
			},
			want: map[string][]int32{RoleAdmin: {dns, agent, https, postgres, redis, chat, kafka}},
		},
		"AssumeRole": {
			reason: "one's own credentials are traded for a role's",
			change: func(s *v1alpha1.ChatClusterSpec) {
				s.AWS.Credentials.SecretName, s.AWS.AssumeRoleARN = "aws", "arn:aws:iam::111122223333:role/chat"
				s.AWS.Endpoints.DynamoDB = "http://10.0.0.1:8000"
			},
			want: map[string][]int32{RoleChat: {dns, https, redis, chat, 8000, kafka}},
		},
		"IRSA": {
			reason: "a token is traded at the security token service, wherever DynamoDB is",
			change: func(s *v1alpha1.ChatClusterSpec) { s.AWS.Endpoints.DynamoDB = "https://vpce-1.example:8443" },
			want:   map[string][]int32{RoleChat: {dns, agent, https, redis, chat, 8443, kafka}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := testCluster()
			tc.change(&c.Spec)
			policies, err := c.NetworkPolicies()
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range policies {
				want, ok := tc.want[p.Labels[LabelComponent]]
				if !ok {
					continue
				}
				var got []int32
				for _, rule := range p.Spec.Egress {
					for _, port := range rule.Ports {
						got = append(got, port.Port.IntVal)
					}
					if len(rule.Ports) == 0 {
						t.Errorf("%s: %s may go anywhere", tc.reason, *p.Name)
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
					t.Errorf("%s: ports that %s reaches (-want +got):\n%s", tc.reason, *p.Name, diff)
				}
			}
		})
	}
}
