import { serviceNames } from '@onbehalf/contracts'
import { styleHash } from '@onbehalf/service-kit'
import { publicPrefixesOf } from './service-manifest.ts'

const routeOf = (service: string): string => {
  const name = service.replaceAll('-', '_')
  const paths = publicPrefixesOf(service).flatMap((prefix) => [prefix, `${prefix}/*`])
  return `	@${name} path ${paths.join(' ')}
	handle @${name} {
		reverse_proxy {$${name.toUpperCase()}_UPSTREAM} {
			flush_interval -1
			trusted_proxies {$GATEWAY_TRUSTED_PROXIES:}
		}
	}`
}

const pagePolicy = `default-src 'none'; style-src '${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

// What is the same for every installation lies beside this file.
const filesRoute = `	@files path / /openapi.json
	handle @files {
		root * "{$GATEWAY_FILES}"
		encode gzip
		header {
			Cache-Control "public, max-age=300"
			Content-Security-Policy "${pagePolicy}"
			Referrer-Policy no-referrer
			X-Content-Type-Options nosniff
			X-Frame-Options DENY
		}
		file_server
	}`

/** infra/gateway/Caddyfile: the services' public prefixes, the first page and the description on one origin; everything else, /inner too, is 404. */
export const caddyfile =
  (): string => `# Generated from the services' public prefixes by \`npm run generate\`; do not edit.
{
	admin off
}

{$GATEWAY_ADDRESS} {
	bind {$GATEWAY_BIND:127.0.0.1}
	request_header -Enterprise-Api-Secret-Key
	request_body {
		max_size 2MB
	}
${serviceNames.map(routeOf).join('\n')}
${filesRoute}
	handle {
		header Content-Type application/json
		header X-Content-Type-Options nosniff
		respond \`{"code":"not_found","message":"There is nothing here.","status":404}\` 404
	}
}
`
