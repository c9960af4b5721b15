package workload

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
)

// nonRoot is the user and group of the images.
const nonRoot = 65532

// pod is what all pods of the data plane have in common: what Pod Security "restricted" asks for, the configuration and
// the secrets.
func (c Cluster) pod(configMap string, container *corev1ac.ContainerApplyConfiguration) *corev1ac.PodSpecApplyConfiguration {
	container.
		WithImage(c.Image).
		WithEnv(c.env()...).
		WithTerminationMessagePath("/dev/termination-log").
		WithSecurityContext(corev1ac.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName("config").WithMountPath(configDir).WithReadOnly(true),
			corev1ac.VolumeMount().WithName("secrets").WithMountPath(secretsDir).WithReadOnly(true),
		)
	if c.Spec.ImagePullPolicy != "" {
		container.WithImagePullPolicy(corev1.PullPolicy(c.Spec.ImagePullPolicy))
	}
	return corev1ac.PodSpec().
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithSecurityContext(corev1ac.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(nonRoot).
			WithRunAsGroup(nonRoot).
			WithFSGroup(nonRoot).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(container).
		WithVolumes(
			corev1ac.Volume().WithName("config").
				WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(configMap)),
			corev1ac.Volume().WithName("secrets").WithProjected(c.secrets()),
		)
}

// SecretFile is a Secret's key that every pod mounts. A pod without it does not start.
type SecretFile struct {
	Name, Key string

	path string
}

// Secrets are what every pod mounts, the migration's included.
func (c Cluster) Secrets() []SecretFile {
	var files []SecretFile
	add := func(name, key, path string) {
		if name != "" {
			files = append(files, SecretFile{name, key, path})
		}
	}
	s := c.Spec
	add(s.Aurora.PasswordSecret.Name, s.Aurora.PasswordSecret.Key, postgresPasswordFile)
	add(s.Aurora.CASecret.Name, s.Aurora.CASecret.Key, postgresCAFile)
	if p := s.ElastiCache.PasswordSecret; p != nil {
		add(p.Name, p.Key, redisPasswordFile)
	}
	add(s.ElastiCache.CASecret.Name, s.ElastiCache.CASecret.Key, redisCAFile)
	add(s.MSK.CASecret.Name, s.MSK.CASecret.Key, kafkaCAFile)
	if scram := s.MSK.Authentication.SCRAM; scram != nil {
		add(scram.PasswordSecret.Name, scram.PasswordSecret.Key, kafkaPasswordFile)
	}
	if mtls := s.MSK.Authentication.MTLS; mtls != nil {
		add(mtls.SecretName, corev1.TLSCertKey, kafkaCertFile)
		add(mtls.SecretName, corev1.TLSPrivateKeyKey, kafkaKeyFile)
	}
	add(s.AWS.Credentials.SecretName, AWSCredentialsKey, awsCredentialsFile)
	return files
}

// secrets are files of one volume, which the kubelet replaces as a whole when a Secret changes.
func (c Cluster) secrets() *corev1ac.ProjectedVolumeSourceApplyConfiguration {
	v := corev1ac.ProjectedVolumeSource().WithDefaultMode(0o440)
	for _, f := range c.Secrets() {
		v.WithSources(corev1ac.VolumeProjection().WithSecret(corev1ac.SecretProjection().
			WithName(f.Name).
			WithItems(corev1ac.KeyToPath().WithKey(f.Key).WithPath(f.path))))
	}
	return v
}

func (c Cluster) env() []*corev1ac.EnvVarApplyConfiguration {
	if c.Spec.AWS.Credentials.SecretName == "" {
		return nil
	}
	return []*corev1ac.EnvVarApplyConfiguration{
		corev1ac.EnvVar().WithName("AWS_SHARED_CREDENTIALS_FILE").WithValue(secretsDir + "/" + awsCredentialsFile),
		// Without it the SDK would wait for a metadata service that is not there when the file has no usable profile.
		corev1ac.EnvVar().WithName("AWS_EC2_METADATA_DISABLED").WithValue("true"),
	}
}

// goMemoryLimit makes the garbage collector work harder before the kernel would end the process.
func goMemoryLimit(r corev1.ResourceRequirements) []*corev1ac.EnvVarApplyConfiguration {
	limit, ok := r.Limits[corev1.ResourceMemory]
	if !ok {
		return nil
	}
	return []*corev1ac.EnvVarApplyConfiguration{
		corev1ac.EnvVar().WithName("GOMEMLIMIT").WithValue(strconv.FormatInt(limit.Value()/10*9, 10)),
	}
}

func resources(r corev1.ResourceRequirements) *corev1ac.ResourceRequirementsApplyConfiguration {
	a := corev1ac.ResourceRequirements()
	if len(r.Limits) > 0 {
		a.WithLimits(r.Limits)
	}
	if len(r.Requests) > 0 {
		a.WithRequests(r.Requests)
	}
	return a
}

func probe(path string, period, failures int32) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString("ops"))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(3).
		WithFailureThreshold(failures)
}
