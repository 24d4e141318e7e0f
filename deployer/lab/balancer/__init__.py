"""The lab's Application Load Balancer: Elastic Load Balancing v2 in front, Envoy behind.

A tour, in the order of an API call:

    api, api_groups   take over elbv2's actions: validate, let moto store, publish, answer
    rule_actions, rule_conditions, groups, attributes
                      what ALB accepts; everything else is refused by name            (pure)
    state             moto's objects -> model
    model             load balancers, listeners, rules, target groups as we need them (pure)
    conditions        a rule's condition -> Envoy's header matchers                   (pure)
    routes            rules -> Envoy's routes: weights, stickiness, fixed, redirect   (pure)
    listeners         load balancers -> Envoy's listeners                             (pure)
    clusters          target groups -> Envoy's clusters and endpoints                 (pure)
    xds               all of it as files that Envoy watches; writes those that changed
    envoy             the process: start, ready, restart
    health            one check's outcome after another -> a target's state           (pure)
    registry          who is registered where, since when, draining until when
    counters          Envoy's access log -> what CloudWatch will be told
    data_plane        puts them together; component adds the API: Balancer

Each behaviour, with its source in AWS's documentation and its test: docs/lab/balancer.md.
"""
