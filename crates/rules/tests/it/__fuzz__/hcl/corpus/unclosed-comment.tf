=config = [] /* and so on
group_config = []
