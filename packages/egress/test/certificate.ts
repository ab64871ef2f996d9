import { generate } from 'selfsigned'

const { cert, private: key } = await generate([{ name: 'commonName', value: 'mcp.example' }], {
  keyType: 'ec',
  extensions: [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: 'mcp.example' }] }
  ]
})

/** A self-signed certificate for mcp.example and its key, made anew for every run. */
export { cert as certificate, key as privateKey }
