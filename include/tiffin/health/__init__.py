"""Is what is live well: ready, answering, and with which version?"""
