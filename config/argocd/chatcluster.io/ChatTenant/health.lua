-- Health of a ChatCluster or ChatTenant for Argo CD. Both kinds keep the same conventions, so both use this text:
-- Ready, Reconciling and Stalled with status.observedGeneration, and spec.paused. No library is used beyond those that Argo CD
-- opens for scripts in argocd-cm.
local hs = {status = "Progressing", message = "Waiting for the operator"}

local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, c in ipairs(obj.status.conditions) do
    conditions[c.type] = c
  end
end

local function is(kind, status)
  return conditions[kind] ~= nil and conditions[kind].status == status
end

local function say(status, kind, otherwise)
  hs.status = status
  hs.message = otherwise
  if conditions[kind] ~= nil and conditions[kind].message ~= nil and conditions[kind].message ~= "" then
    hs.message = conditions[kind].message
  end
  return hs
end

local paused = obj.spec ~= nil and obj.spec.paused == true
local current = obj.status ~= nil and obj.status.observedGeneration == obj.metadata.generation

if obj.metadata.deletionTimestamp ~= nil then
  if paused then
    hs.status = "Suspended"
    hs.message = "Deletion waits: spec.paused is true"
    return hs
  end
  -- What stalled before the deletion says nothing about it.
  if is("Stalled", "True") and current then
    return say("Degraded", "Stalled", "The deletion needs a person")
  end
  if is("Reconciling", "True") and current then
    return say("Progressing", "Reconciling", "Being deleted")
  end
  hs.message = "Being deleted"
  return hs
end

if paused then
  hs.status = "Suspended"
  hs.message = "spec.paused is true"
  return hs
end

if obj.metadata.annotations ~= nil and obj.metadata.annotations["chatcluster.io/plan"] == "true" then
  hs.status = "Suspended"
  hs.message = "Nothing is changed: chatcluster.io/plan asks for what would be"
  return hs
end

-- What the status says is about an older spec.
if not current then
  if obj.metadata.generation ~= nil then
    hs.message = "Waiting for the operator to see generation " .. obj.metadata.generation
  end
  return hs
end

if is("Stalled", "True") then
  return say("Degraded", "Stalled", "A person is needed")
end
if is("Reconciling", "True") then
  return say("Progressing", "Reconciling", "Reconciling")
end
if is("Ready", "True") then
  return say("Healthy", "Ready", "Ready")
end
return say("Progressing", "Ready", "Waiting for the operator")
