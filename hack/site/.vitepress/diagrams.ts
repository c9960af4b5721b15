import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { JSDOM } from 'jsdom'
import { pages, root } from './pages'

// check throws unless every diagram of every page is one that browsers will draw.
export async function check() {
  // The library cleans labels with what a browser has.
  const { window } = new JSDOM('')
  Object.assign(globalThis, { window, document: window.document })
  const { default: mermaid } = await import('mermaid')
  for (const page of Object.keys(pages)) {
    for (const [, diagram] of readFileSync(resolve(root, page), 'utf8').matchAll(/^```mermaid\n([\s\S]*?)^```$/gm)) {
      await mermaid.parse(diagram).catch((error) => {
        throw new Error(`${page}: a diagram cannot be drawn: ${error.message}`)
      })
    }
  }
}
