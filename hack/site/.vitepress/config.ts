import type { Plugin } from 'vite'
import { defineConfig } from 'vitepress'
import { check } from './diagrams'
import { linked, others, pages, root } from './pages'
import { nav, sidebar } from './navigation'

// Pages are outside of this folder, and what they are compiled to imports what is installed in it.
const here: Plugin = {
  name: 'installed-here',
  enforce: 'pre',
  resolveId(id, importer) {
    const page = importer?.startsWith(root) && !importer.startsWith(import.meta.dirname) && !importer.includes('/node_modules/')
    return page && /^vue($|\/)/.test(id) ? this.resolve(id, import.meta.filename, { skipSelf: true }) : undefined
  },
}

// What VitePress calls a page is where it is on the site.
const sources = Object.fromEntries(Object.entries(pages).map(([at, to]) => [to, at]))

export default defineConfig({
  title: 'ChatCluster',
  description: 'A chat platform on AWS, operated by Kubernetes',
  lang: 'en',
  // Pages are where they are read on a git host; the site takes them from there.
  srcDir: root,
  srcExclude: others,
  rewrites: pages,
  outDir: `${root}/dist/site`,
  cacheDir: './node_modules/.cache/vitepress',
  cleanUrls: false,
  // The local world's addresses are no pages of ours.
  ignoreDeadLinks: 'localhostLinks',
  metaChunk: true,
  buildEnd: check,
  lastUpdated: false,
  markdown: {
    // Headings have the anchors that the git host gives them: test/docs checks links against the same.
    anchor: { slugify },
    languageAlias: { promql: 'plain' },
    config(md) {
      md.core.ruler.push('links', (state) => {
        const page = sources[state.env.relativePath] ?? state.env.relativePath // the search index knows where they are
        for (const token of state.tokens.flatMap((t) => t.children ?? [])) {
          const name = token.type === 'link_open' ? 'href' : token.type === 'image' ? 'src' : ''
          if (name === 'href') token.attrSet(name, linked(page, token.attrGet(name)!))
        }
      })
      const fence = md.renderer.rules.fence!
      md.renderer.rules.fence = (tokens, i, ...rest) =>
        tokens[i].info.trim() === 'mermaid'
          ? `<Diagram source="${encodeURIComponent(tokens[i].content)}" />`
          : fence(tokens, i, ...rest)
    },
  },
  vite: {
    // Search holds the text of all pages.
    build: { chunkSizeWarningLimit: 2000 },
    server: { fs: { allow: [root] } },
    plugins: [here],
  },
  themeConfig: {
    nav,
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/chatcluster/chatcluster' }],
    editLink: { pattern: 'https://github.com/chatcluster/chatcluster/edit/main/:path', text: 'Edit this page' },
    footer: { message: 'Apache License 2.0' },
  },
})

function slugify(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}
