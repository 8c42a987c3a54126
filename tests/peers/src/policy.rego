# The rules of the routing and dual-write policies. `data.listed` has the stage of each listed subject, `data.stages` what
# each stage means.
package turnout

default admit := true

stage := object.get(data.listed, input.subject, data.default)

authority := data.stages[stage].authority

read := data.stages[stage].read

mirror := data.mirror[input.repository]
