"""The local stack: the whole of template.yaml on this machine, with an issuer of tokens and a stand-in for Stripe.

Everything that differs from AWS lives in this package; template.yaml and the functions know nothing of it.
`__main__` has the commands, `stack` the order of things, and each other module one part of the stack.
"""
