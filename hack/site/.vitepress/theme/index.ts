import type { Theme } from 'vitepress'
// This theme has system fonts alone: nothing is fetched from elsewhere.
import Default from 'vitepress/theme-without-fonts'
import Diagram from './Diagram.vue'

export default {
  extends: Default,
  enhanceApp({ app }) {
    app.component('Diagram', Diagram)
  },
} satisfies Theme
