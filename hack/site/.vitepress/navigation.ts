import type { DefaultTheme } from 'vitepress'
import { pages } from './pages'

// shelves are the pages in the order in which they are found, each by its place on the site.
const shelves: Record<string, Record<string, string>> = {
  Start: {
    index: 'What is here',
    quickstart: 'Quickstart',
    concepts: 'Concepts',
    comparison: 'How it compares',
  },
  Tutorials: {
    'tutorials/index': 'Which one?',
    'tutorials/kubectl': 'With kubectl',
    'tutorials/argocd': 'With Argo CD',
    'tutorials/tenants': 'Provision tenants',
    'tutorials/automation': 'Test your automation',
    'tutorials/processor': 'Write a stream processor',
    'tutorials/client': 'Build a client',
  },
  'Run it': {
    production: 'In production, on EKS',
    costs: 'What it costs',
    operations: 'Operations',
    runbooks: 'Runbooks',
    conditions: 'Conditions',
    upgrading: 'Upgrading',
    security: 'Security',
    faults: 'Faults',
    benchmarks: 'Measurements',
  },
  'Answer for it': {
    moderation: 'Moderation',
    'moderation-review': 'Reviewing what was flagged',
    analytics: 'Analytics',
    audit: 'Audit log',
    erasure: 'Erasure',
    export: 'Export',
  },
  'Build on it': {
    protocol: 'The protocol chat.v1',
    'reference/apis': 'REST, AsyncAPI and admin API',
    'reference/sdk': 'SDK for browsers',
    'reference/web-client': 'The web client',
    processors: 'Stream processors',
  },
  Reference: {
    'reference/crds': 'Custom resources',
    'reference/kubectl-chatcluster': 'kubectl chatcluster',
    'reference/chatd': 'chatd',
    'reference/chart': 'Helm chart',
    'reference/samples': 'Samples',
    'reference/argocd': 'Argo CD',
    'reference/iam': 'IAM policies',
    'metrics-chatd': 'Metrics of the pods',
    'metrics-manager': 'Metrics of the operator',
    'reference/world': 'The local world',
  },
  Project: {
    changelog: 'Changelog',
    contributing: 'Contributing',
    'decisions/index': 'Decisions',
  },
}

const all = new Set(Object.values(pages).map((to) => to.replace(/\.md$/, '')))

export const sidebar: DefaultTheme.SidebarItem[] = Object.entries(shelves).map(([text, items]) => ({
  text,
  collapsed: false,
  items: Object.entries(items)
    .filter(([at]) => all.delete(at))
    .map(([at, text]) => ({ text, link: '/' + at })),
}))

// Decisions are reached from their own list.
const lost = [...all].filter((at) => !at.startsWith('decisions/'))
if (lost.length > 0) throw new Error(`the navigation does not lead to ${lost.join(', ')}: name it in navigation.ts`)

export const nav: DefaultTheme.NavItem[] = [
  { text: 'Quickstart', link: '/quickstart' },
  { text: 'Concepts', link: '/concepts' },
  { text: 'Operations', link: '/operations' },
  { text: 'Protocol', link: '/protocol' },
]
