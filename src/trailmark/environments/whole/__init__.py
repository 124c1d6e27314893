"""The whole environment: what is asked of every manager on top of a base, and one lock with one digest over all.

model     WholeRequest, WholeLock: pure          resolve   resolve_whole: request → lock
join      joined: the base's packages and the project's own    status    where the environment and each package stand
"""
