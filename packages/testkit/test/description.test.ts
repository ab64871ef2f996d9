import t from 'tap'
import { createCheck } from '../src/description/check.ts'

const type = 'application/json; charset=utf-8'
const schema = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } }, required: ['id'] }
const response = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } }
const faultOf = createCheck({
  components: { schemas: { Thing: schema } },
  paths: { '/things/{id}': { get: { responses: { 200: response, 204: {} } } } }
})
const things = { method: 'GET', path: '/things/{id}', status: 200, type }

t.test('an answer as it is described passes', async (t) => {
  t.equal(faultOf({ ...things, body: '{"id":"01890a5d-ac96-774b-bcce-b302099a8057"}' }), undefined)
  t.equal(faultOf({ ...things, status: 204, type: undefined, body: undefined }), undefined)
})

t.test('a route, a status, a form or a body that is not described is told of', async (t) => {
  t.match(faultOf({ ...things, path: '/others', body: '{}' }), 'is not described at all')
  t.match(faultOf({ ...things, status: 409, body: '{"code":"conflict"}' }), /answered 409 conflict: name its code/)
  t.match(faultOf({ ...things, type: 'text/html', body: '<p>' }), /as text\/html/)
  t.match(faultOf({ ...things, body: '{}' }), /required property 'id'/)
  t.match(faultOf({ ...things, body: '{"id":"one"}' }), /must match format "uuid"/)
})
