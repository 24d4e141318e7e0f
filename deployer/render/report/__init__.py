"""The report of one deployment: a page of HTML that needs nothing beside it. Pure, and without a console.

`story` is what it tells, `charts` the figures, `sections` the tables, `page` puts them together.
"""
