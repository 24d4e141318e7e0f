"""Which strategy and settings suit an environment: answers in, advice out. Pure.

`questions` says what is asked, `circumstances` what follows from the answers, `table` has the reasoning,
one row a rule, `advise` goes down the table. docs/recommend.md shows the same rows, generated.
"""
