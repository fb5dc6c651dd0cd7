"""What residents write is checked before others see it.

1. `submitting.submit`, in the writer's transaction: the local filter refuses what is forbidden, and marks what is doubtful.
   Other text is pending, and a message to check it waits in the outbox.
2. `checking`: a delivery asks WeChat, outside of any transaction, and stores the verdict with a guarded UPDATE. Authors
   without an openid, or whose openid is asleep, meet the second filter.
3. `reporting`: enough residents who complain hide it until staff decide.
4. `deciding`: staff pass or refuse, take down or restore; each change of state is a row of `content_decision`.

Rows are locked in the order content, reports; the content comes after the row of whatever shows it, and before the outbox.
No text of a resident is ever logged.
"""
