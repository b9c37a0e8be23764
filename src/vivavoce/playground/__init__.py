"""The playground: the page at `/` on which people talk to the server, and the agents it offers to begin with.

`static/` is the page as browsers get it: HTML, style sheets and ES modules, without a build step and without anything from elsewhere.
`vivavoce.api.playground` serves it.
"""
