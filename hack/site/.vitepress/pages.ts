import { existsSync, readdirSync } from 'node:fs'
import { posix, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../../..')
const host = 'https://github.com/chatcluster/chatcluster'

// pages are the Markdown files of the repository that are pages of the site, and their places there. Everything in docs/ is one.
export const pages: Record<string, string> = {
  'docs/README.md': 'index.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'charts/chatcluster/README.md': 'reference/chart.md',
  'config/argocd/README.md': 'reference/argocd.md',
  'config/iam/README.md': 'reference/iam.md',
  'config/samples/README.md': 'reference/samples.md',
  'hack/world/README.md': 'reference/world.md',
  'runtime/web/app/README.md': 'reference/web-client.md',
  'runtime/web/client/README.md': 'reference/sdk.md',
}

// others are the Markdown files that are none.
export const others: string[] = []

const skipped = new Set(['.git', 'bin', 'dist', 'node_modules', 'testdata'])

function visit(folder: string) {
  for (const entry of readdirSync(resolve(root, folder), { withFileTypes: true })) {
    const at = posix.join(folder, entry.name)
    if (entry.isDirectory()) {
      if (skipped.has(entry.name)) others.push(at + '/**')
      else visit(at)
    } else if (at.endsWith('.md') && !(at in pages)) {
      if (at.startsWith('docs/')) pages[at] = at.slice('docs/'.length).replace(/(^|\/)README\.md$/, '$1index.md')
      else others.push(at)
    }
  }
}
visit('')

// linked returns where a link of a page leads on the site: to another page, or to the file on the git host. It throws where there is nothing.
export function linked(page: string, href: string): string {
  if (/^([a-z]+:|#|\/)/.test(href)) return href
  const [path, fragment] = href.split('#')
  const target = posix.join(posix.dirname(page), decodeURI(path)).replace(/\/$/, '')
  const hash = fragment ? `#${fragment}` : ''
  for (const at of [target, posix.join(target, 'README.md')]) {
    if (at in pages) return '/' + pages[at] + hash
  }
  if (!existsSync(resolve(root, target))) throw new Error(`${page} links to ${href}, which is not there`)
  return `${host}/blob/main/${target}${hash}`
}
