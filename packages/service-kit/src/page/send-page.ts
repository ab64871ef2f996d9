import { randomBytes } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { type Html, html } from './html.ts'
import { style } from './style.ts'

export type View = {
  title: string
  body: Html
  /** The page's form is answered by a redirect to an IdP, which a browser holds against form-action too. */
  leadsAway?: true
  /** As BCP 47 has it; English when left out. */
  language?: string
  /** The path of the one script that may run; none when left out. */
  script?: string
}

/** Sends a whole page: one style and at most one script with this answer's nonce, never framed, kept or referred from. */
export const sendPage = (reply: FastifyReply, view: View): FastifyReply => {
  const nonce = randomBytes(16).toString('base64')
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', policyFor(nonce, view))
    .header('referrer-policy', 'no-referrer')
    .header('x-frame-options', 'DENY')
    .send(pageText(view, nonce))
}

const policyFor = (nonce: string, { leadsAway, script }: View) =>
  [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    ...(script ? [`script-src 'nonce-${nonce}'`] : []),
    ...(leadsAway ? [] : ["form-action 'self'"]),
    "base-uri 'none'",
    "frame-ancestors 'none'"
  ].join('; ')

/** A whole page as text. Without a nonce its style is allowed by its hash. */
export const pageText = ({ title, body, language = 'en', script }: View, nonce?: string): string => {
  const allowed = nonce === undefined ? '' : html` nonce="${nonce}"`
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Onbehalf</title>
<style${allowed}>${{ html: style }}</style>
${script ? html`<script src="${script}"${allowed} defer></script>` : ''}
</head>
<body>
<main>${body}</main>
<footer>Onbehalf</footer>
</body>
</html>
`.html
}
