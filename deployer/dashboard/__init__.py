"""A page that shows all environments as they are, and lets people act: `deployer dashboard`.

    reader.py   reads environments in turn, for all browsers together
    feed.py     the newest state of each, numbered; a browser that comes back asks for what is newer
    guard.py    who may read, and who may act: the rules, without a server
    site.py     the addresses: page, session, events, ask (Starlette)
    serving.py  the server in a thread of its own (uvicorn)

The page is dashboard.{html,css,js}, with the charts and the colours of deployer.web. What is read and what is asked comes from the
command (deployer.cli.dashboard): the same functions as those of `status` and `pause`.
"""
