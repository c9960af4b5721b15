import type { Mermaid } from 'mermaid'
// The library's own bundle is an asset of the site: bundling it anew would take longer than all the rest.
import source from 'mermaid/dist/mermaid.min.js?url'

let loaded: Promise<Mermaid> | undefined

// load fetches the library once, when a page has a diagram.
export function load(): Promise<Mermaid> {
  loaded ??= new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = source
    script.onload = () => resolve((globalThis as unknown as { mermaid: Mermaid }).mermaid)
    script.onerror = () => reject(new Error(`${source} was not loaded`))
    document.head.append(script)
  })
  return loaded
}
