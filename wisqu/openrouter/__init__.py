"""Everything WisQu knows about OpenRouter, and nothing about WisQu: no Django, no tables.

`client.OpenRouter` is the only code that talks to the network. It takes and gives the frozen values of
`types` and raises the errors of `errors`.
"""
