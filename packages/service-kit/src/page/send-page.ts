import { randomBytes } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { type Html, html } from './html.ts'
import { style } from './style.ts'

export type View = {
  title: string
  body: Html
  /** The page's form is answered by a redirect to an IdP, which a browser holds against form-action too. */
  leadsAway?: true
}

/** Sends a whole page: no script at all, one style with this answer's nonce, never framed, kept or referred from. */
export const sendPage = (reply: FastifyReply, { title, body, leadsAway }: View): FastifyReply => {
  const nonce = randomBytes(16).toString('base64')
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', policyFor(nonce, leadsAway === true))
    .header('referrer-policy', 'no-referrer')
    .header('x-frame-options', 'DENY')
    .send(documentOf(title, body, nonce).html)
}

const policyFor = (nonce: string, leadsAway: boolean) =>
  [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    ...(leadsAway ? [] : ["form-action 'self'"]),
    "base-uri 'none'",
    "frame-ancestors 'none'"
  ].join('; ')

const documentOf = (title: string, body: Html, nonce: string) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Onbehalf</title>
<style nonce="${nonce}">${{ html: style }}</style>
</head>
<body>
<main>${body}</main>
<footer>Onbehalf</footer>
</body>
</html>
`
